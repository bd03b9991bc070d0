return { class = "leak.fd", where = "createFiles" }
