return { class = "none" }
