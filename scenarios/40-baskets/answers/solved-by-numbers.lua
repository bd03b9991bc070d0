return { class = "leak.task", where = "baskets.checkBasket", evidence = { "metrics" } }
