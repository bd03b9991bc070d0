return { class = "none", evidence = { "wall" } }
