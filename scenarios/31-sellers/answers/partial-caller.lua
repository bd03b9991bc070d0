return { class = "wait.convoy", where = "closeBasket", evidence = { "block" }, code = "where.caller" }
