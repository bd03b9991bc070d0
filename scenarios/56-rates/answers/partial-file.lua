return { class = "leak.file", where = "fetchRate", evidence = { "lab.OpenFiles" }, code = "class.other" }
