"""Makes bpe/{vocab.json,merges.txt,expected.jsonl}: a small byte-level BPE model trained here, and the
words and ids of some texts by GPT-2's published procedure: its regular expression, run by Python's re
with Unicode's classes written out, and its merging of string pairs. Shares no code with the library.

    python3 bpe.py
"""
import collections
import json
import pathlib
import re
import sys
import unicodedata

WHITE_SPACE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
CORPUS = """The film's a small wonder, and it's one we won't forget. The critics weren't there, but the
audience was: they've seen the best of the year. I'm told she'll be in the next one, she'd said so in 2019.
the theatre was full, the film was good, the music was good, and the end was not the end. naïve café naïve"""
TEXTS = [
    "", " ", "the", " the", "The film's good.", "it's we've I'm she'll he'd they're don't", "IT'S I'LL", "'s 't 'x ''s",
    "a  b   c", "trailing   ", "  leading", "tab\tand\nnewline\n\n  next", "in 2019, 3.14 and 1/2 (½) Ⅷ ²", "naïve café",
    "русский 北京 ไทย हिन्दी", "don\u2019t \u201cquote\u201d \u2014 dash", "\U0001f600 smile\U0001f468\u200d\U0001f469",
    "no\u00a0break\u3000wide\u2003em", "a\x85b\x0bc\x1cd\u200be", "<s> </s> <mask>", "end \n", "x \u00a0y", "a1b2c3 _under_score_",
    "e\u0301 combining", "the\u00a0 film", "$5.00 50% #tag @user http://a.b/c?d=e&f",
]


def classes(letter):
    """A character class's inside: all code points of the categories that begin with `letter`."""
    ranges, start = [], None
    for point in range(sys.maxunicode + 2):
        inside = point <= sys.maxunicode and unicodedata.category(chr(point))[0] == letter
        if inside and start is None:
            start = point
        if not inside and start is not None:
            ranges.append(f"\\U{start:08x}-\\U{point - 1:08x}")
            start = None
    return "".join(ranges)


L, N, S = classes("L"), classes("N"), WHITE_SPACE
PATTERN = re.compile(f"'s|'t|'re|'ve|'m|'ll|'d| ?[{L}]+| ?[{N}]+| ?[^{S}{L}{N}]+|[{S}]+(?![^{S}])|[{S}]+")


def bytes_to_unicode():
    shown = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    table = {byte: chr(byte) for byte in shown}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + len(table) - len(shown))
    return table


SHOWN = bytes_to_unicode()


def symbols(word):
    return tuple(SHOWN[byte] for byte in word.encode())


def pairs(word):
    return list(zip(word, word[1:]))


def merge(word, first, second):
    new, i = [], 0
    while i < len(word):
        if word[i:i + 2] == (first, second):
            new.append(first + second)
            i += 2
        else:
            new.append(word[i])
            i += 1
    return tuple(new)


def train(count):
    words = collections.Counter(symbols(word) for word in PATTERN.findall(CORPUS))
    merges = []
    for _ in range(count):
        seen = collections.Counter()
        for word, times in words.items():
            for pair in pairs(word):
                seen[pair] += times
        best = max(seen, key=lambda pair: (seen[pair], pair))
        merges.append(best)
        words = collections.Counter({merge(word, *best): times for word, times in words.items()})
    return merges


def encode(word, ranks):
    word = symbols(word)
    while len(word) > 1:
        best = min(pairs(word), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        word = merge(word, *best)
    return word


def main():
    merges = train(60)
    ranks = {pair: i for i, pair in enumerate(merges)}
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *SHOWN.values(), *dict.fromkeys(a + b for a, b in merges), "<mask>"]
    vocab = {token: i for i, token in enumerate(tokens)}
    assert len(vocab) == len(tokens)
    directory = pathlib.Path(__file__).parent / "bpe"
    directory.mkdir(exist_ok=True)
    (directory / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False))
    (directory / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    with open(directory / "expected.jsonl", "w") as out:
        for text in TEXTS:
            words = PATTERN.findall(text)
            assert "".join(words) == text
            ids = [vocab[token] for word in words for token in encode(word, ranks)]
            out.write(json.dumps({"text": text, "words": words, "ids": ids}) + "\n")


main()
