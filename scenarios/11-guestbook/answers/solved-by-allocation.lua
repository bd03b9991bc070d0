return { class = "cpu.quadratic", where = "guestbook.escapeText", evidence = { "heap" } }
