return { class = "leak.socket", where = "createFiles", evidence = { "lab.OpenFiles" }, code = "class.family" }
