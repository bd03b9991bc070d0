-- The program when nothing is wrong with it: what to compare the others with.
return {
  title = "All is well",
  difficulty = 1,
  minutes = 5,
  symptom = "None. Look at a healthy program before you look at a sick one.",
  request = function() end,
}
