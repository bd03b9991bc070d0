return { class = "leak.timer", where = "exports.writePart", evidence = { "metrics" } }
