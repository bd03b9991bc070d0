return { class = "leak.file", where = "createFiles", evidence = { "lab.OpenFiles" } }
