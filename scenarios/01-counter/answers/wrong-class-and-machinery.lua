return { class = "wait.dependency", where = "lab.Mutex.lock", code = "where.machinery" }
