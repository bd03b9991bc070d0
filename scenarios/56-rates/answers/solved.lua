return { class = "net.idle", where = "fetchRate", evidence = { "lab.OpenFiles" } }
