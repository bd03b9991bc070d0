return { class = "none", code = "class.other" }
