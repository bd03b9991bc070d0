return { class = "io.log", where = "discounts.discountOf", evidence = { "metrics" } }
