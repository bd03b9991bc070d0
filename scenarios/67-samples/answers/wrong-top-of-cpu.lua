return { class = "cpu.hot", where = "drawBlock", evidence = { "cpu" }, code = "class.other" }
