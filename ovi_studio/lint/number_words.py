"""Numbers in English words."""

_UP_TO_NINETEEN = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def number_words(number: int) -> str:
    """The number in English words, 0 to 9999."""
    if number < 20:
        return _UP_TO_NINETEEN[number]
    if number < 100:
        ones = f"-{_UP_TO_NINETEEN[number % 10]}" if number % 10 else ""
        return _TENS[number // 10 - 2] + ones
    unit, name = (100, "hundred") if number < 1000 else (1000, "thousand")
    rest = number % unit
    return f"{number_words(number // unit)} {name}" + (f" {number_words(rest)}" if rest else "")
