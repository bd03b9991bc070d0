return { class = "wait.channel", where = "checkBasket", evidence = { "goroutine" }, code = "class.other" }
