return { class = "none", evidence = { "heap" } }
