-- Without a code: 11 to 16 times as much was allocated as is in use, by the samples; from 10 on it is alloc_for_inuse.
return { class = "memory.retained", where = "storePosition", evidence = { "heap" } }
