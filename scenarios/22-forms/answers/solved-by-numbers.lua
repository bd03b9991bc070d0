return { class = "memory.churn", where = "forms.fillForm", evidence = { "metrics" } }
