return { class = "wait.loop", where = "readPlan", evidence = { "wall" } }
