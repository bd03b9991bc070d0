-- SPDX-License-Identifier: MIT
-- What an answer's author is told, by the code of the feedback. A sentence says in
-- which part the answer isn't right, and asks what to look at; it never names the
-- answer. judge.lua says more where a code alone isn't enough.
--
-- feedback.lua() -> code -> text

return {
  solved = "That's it.",
  ["class.family"] = "The first word of the class is right, the second isn't: what exactly happens there?",
  ["class.other"] = "The class isn't right: do your captures show that something is used up, or waited for, "
    .. "and by what?",
  rank = "It is among your guesses, but not the first one: which of them do your captures speak for?",
  ["where.victim"] = "That one suffers; who makes it wait?",
  ["where.caller"] = "It is on the way: the cause is further inside, in something that this one calls.",
  ["where.callee"] = "It only does what it is asked to: who asks for it?",
  ["where.machinery"] = "That is Lua's or the lab's own code: which function of the program calls it?",
  ["where.entry"] = "Every request passes there: go further inside.",
  ["where.elsewhere"] = "Your own profiles don't connect this one with the symptom.",
  ["where.unknown"] = "No profile of this visit has this function: take one that shows it, and write the name "
    .. "as it stands there.",
  ["evidence.none"] = "None of your captures shows that about this function: which profile would?",
  ["evidence.params"] = "The step was entered with parameters by which no amount can be judged: enter it without them.",
  ["evidence.idle"] = "Your captures were taken while nothing ran: take them while requests are under way.",
  ["evidence.few"] = "There are too few samples to tell: take the profile for longer, under a load that lasts "
    .. "as long (diaglab load has --seconds).",
  ["evidence.other_step"] = "That capture is of another visit: take it anew. "
    .. "/lab/captures marks those of this visit with >.",
  ["evidence.healthy_too"] = "A healthy program shows the same: what do you see that it doesn't have?",
  ["evidence.unknown"] = "There is no such capture",
  ["evidence.trace"] = "This trace is too large to be kept: take one of fewer seconds, or a wall profile.",
  ["evidence.nothing"] = "Nothing was captured in this visit: take a profile while requests are under way.",
  cpu_for_wall = "Your CPU profile says that the processor is mostly idle: time passes, but little is computed.",
  alloc_for_inuse = "That much was allocated; how much of it is still in use?",
  rss_is_no_leak = "The process is large, but your heap profile says that little is in use: what else keeps memory?",
  ["answer.empty"] = "An answer needs a class and a function: class=CLASS and where=FUNCTION.",
  ["answer.class"] = "There is no such class",
}
