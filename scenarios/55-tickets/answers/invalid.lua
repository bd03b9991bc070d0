return { class = "net.repeat", where = "chargeCard", code = "answer.class" }
