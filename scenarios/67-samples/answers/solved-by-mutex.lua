return { class = "none", evidence = { "mutex" } }
