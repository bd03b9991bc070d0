return { class = "wait.convoy", where = "creditSeller", evidence = { "mutex" } }
