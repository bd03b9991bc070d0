return { class = "leak.goroutine", where = "checkBasket", code = "answer.class" }
