return { class = "page.faults", where = "finishPreview", code = "answer.class" }
