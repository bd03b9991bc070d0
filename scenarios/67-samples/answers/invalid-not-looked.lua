return { class = "none", idle = true, code = "evidence.idle" }
