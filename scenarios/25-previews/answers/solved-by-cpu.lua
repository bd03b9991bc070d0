return { class = "memory.faults", where = "finishPreview", evidence = { "cpu" } }
