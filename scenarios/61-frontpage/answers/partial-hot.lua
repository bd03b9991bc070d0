-- No code: whether the CPU profile speaks against it depends on the machine, as it is busy for a third of the time.
return { class = "cpu.hot", where = "frontPage", evidence = { "cpu" } }
