local letters, printed -- what is to be printed; numbers of what was

local function printLetters(seconds)
  for letter in letters:range() do
    lab.sleep(seconds)
    lab.counter("letters_printed_total"):add()
    printed:send(letter.id) -- for the new statistics
  end
end

local function queueLetter(letter)
  letters:send(letter)
end

return {
  params = {
    tray = { 10, "letters that may lie before the printer" },
    seconds = { 0.001, "until a letter is printed" },
  },
  enter = function(self)
    letters = lab.channel(self.params.tray, "letters")
    printed = lab.channel(self.params.tray, "printed")
    lab.go(printLetters, self.params.seconds)
  end,
  request = function(_, req)
    queueLetter({ id = req.id, text = "Dear customer" })
    lab.counter("letters_taken_total"):add()
    return "your letter will be sent\n"
  end,
}
