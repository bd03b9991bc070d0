return { class = "wait.lock", where = "counter.countRequest", evidence = { "wall" } }
