return { class = "leak.socket", where = "fetchRate", evidence = { "lab.OpenFiles" }, code = "class.other" }
