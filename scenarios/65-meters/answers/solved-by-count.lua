return { class = "cpu.hot", where = "meters.watchMeters", evidence = { "metrics" } }
