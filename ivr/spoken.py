"""Numbers as Persian says them, put together from prompts.

Everything here gives ids of the prompt catalogue, in the order in which they are played; joined
by spaces, their texts are the sentence. A word that leads to another one with «و» is a prompt of
its own («بیست و», spoken as the one word it is), so that nothing but the words is heard.
"""

LARGEST = 999_999
LARGEST_ORDINAL = 100


def cardinal(number: int) -> tuple[str, ...]:
    """The prompts of 0 to 999,999: 23405 is «بیست و سه هزار و چهارصد و پنج».

    Raises ValueError outside that range.
    """
    _check(number, 0, LARGEST)
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _below_thousand(rest)
    many = _below_thousand(thousands) if thousands > 1 else ()  # «هزار», not «یک هزار»
    return (*many, "num-1000-o", *_below_thousand(rest)) if rest else (*many, "num-1000")


def ordinal(number: int) -> tuple[str, ...]:
    """The prompts of 1st to 100th: «اول», «بیست و یکم», «سی‌ام». Raises ValueError outside."""
    _check(number, 1, LARGEST_ORDINAL)
    if number == 1:
        return ("ord-first",)
    *before, last = _words(number)
    return (*(f"num-{word}-o" for word in before), f"ord-{last}")


def minutes(number: int) -> tuple[str, ...]:
    """«یک دقیقه», «پنج دقیقه»; 0 is «کمتر از یک دقیقه». Raises ValueError as `cardinal` does."""
    return (*cardinal(number), "minutes") if number else ("under-a-minute",)


def about_minutes(number: int) -> tuple[str, ...]:
    """«حدود پنج دقیقه», for what is foreseen and not known; 0 and 1 as `minutes` says them."""
    return ("about", *minutes(number)) if number > 1 else minutes(number)


def expected_wait(minutes_left: int) -> tuple[str, ...]:
    """«زمان انتظار شما حدود پنج دقیقه است.» Raises ValueError as `cardinal` does."""
    return ("wait-you", *about_minutes(minutes_left), "wait-is")


def position(number: int) -> tuple[str, ...]:
    """«شما نفر بیست و سوم صف هستید.»; beyond the 100th, that there are many before the caller.

    Raises ValueError below 1.
    """
    if number > LARGEST_ORDINAL:
        return ("position-beyond",)
    return ("position-you", *ordinal(number), "position-in-line")


def _below_thousand(number: int) -> tuple[str, ...]:
    *before, last = _words(number)
    return (*(f"num-{word}-o" for word in before), f"num-{last}")


def _words(number: int) -> list[int]:
    """The numbers below 1000 whose names make up a number: 423 is 400, 20, 3; 17 is one name."""
    hundreds, below = number // 100 * 100, number % 100
    tens, units = (below // 10 * 10, below % 10) if below >= 20 else (0, below)
    return [word for word in (hundreds, tens, units) if word] or [0]


def _check(number: int, least: int, most: int) -> None:
    if not least <= number <= most:
        raise ValueError(f"{number} has no spoken form here: {least} to {most}")
