"""Numbers that must never be dialled: what an attacker, a broken import or a mistyped field would bring."""

from __future__ import annotations

import random

_FIXED = [
    "110", "119", "118", "104", "171", "177", "+81110", "+81119", "+81118", "0110", "", " ", "+", "+81", "0", "00",
    "+81120123456", "+818001234567", "+81570012345", "+81990123456", "+81180991234", "+812012345678", "+81600123456",
    "0120123456", "0312345678", "09012345678", "090-1234-5678", "+81 90 1234 5678", "+81-3-1234-5678",
    "+819012345678\r\nAction: Originate", "+819012345678\n", "+819012345678&PJSIP/x", "500&PJSIP/x", "+8190１２345678",
    "+819012345678@evil.example", "+819012345678,1", "+819012345678/n", "+819012345678#", "*31#+819012345678", "+8109012345678",
    "sip:evil@example.org", "PJSIP/evil", "Local/1@default", "+12125551234", "+442071838750", "+882161234567", "+8613812345678",
    "+81900000000a", "+81٣1234567٨", "+8131234567890", "+81312345", "0081312345678", "01081312345678", "+8190123456789",
    "1869012345678", "184+819012345678", "+81000000000", "+81012345678", "nan", "None", "-1", "1e10", "'; DROP TABLE", "\x00",
]  # fmt: skip
_PREFIXES = [
    "+81120",
    "+81800",
    "+81570",
    "+81990",
    "+81180",
    "+8120",
    "+8160",
    "+1",
    "+44",
    "+882",
    "+979",
    "+8110",
    "+81",
    "0",
    "",
    "1",
    "+",
]


def bad_numbers(count: int, seed: int = 2026) -> list[str]:
    """`count` numbers, always the same ones: known traps, then generated ones around closed prefixes and wrong lengths."""
    chance = random.Random(seed)
    found = list(_FIXED)
    while len(found) < count:
        prefix = chance.choice(_PREFIXES)
        if prefix == "+81":
            length = chance.choice([1, 2, 3, 4, 5, 6, 11, 12, 15, 30])
        elif prefix == "+81800":
            length = 7
        elif prefix.startswith("+81"):
            length = 6
        else:
            length = chance.randrange(3, 12)
        text = prefix + "".join(chance.choice("0123456789") for _ in range(length))
        if chance.random() < 0.1:
            text = text[:3] + chance.choice(["-", " ", "&", "\r\n", ";", "x", "(", "０"]) + text[3:]
        found.append(text)
    return found[:count]
