return { class = "wait.dependency", where = "chargeCard", evidence = { "metrics" }, code = "class.other" }
