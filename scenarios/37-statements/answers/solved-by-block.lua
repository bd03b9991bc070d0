return { class = "none", evidence = { "block" } }
