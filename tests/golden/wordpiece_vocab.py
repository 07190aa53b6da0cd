"""Makes wordpiece_vocab.tsv: `id<TAB>token` of each token of a published vocab.txt that matching
could touch in the sentences of wordpiece_uncased.tsv, and the special tokens.

    python3 wordpiece_vocab.py VOCAB.TXT > wordpiece_vocab.tsv
"""
import pathlib
import sys
import unicodedata


def normalise(text):
    decomposed = unicodedata.normalize("NFD", text.lower())
    kept = (c for c in decomposed if unicodedata.category(c) not in ("Mn", "Cc", "Cf"))
    return "".join(kept)


def main():
    golden = pathlib.Path(__file__).parent / "wordpiece_uncased.tsv"
    rows = golden.read_text(encoding="utf-8").split("\n")[1:]
    # Control characters are dropped, but the words on both sides of a tab are two.
    texts = [normalise(row.split("\t")[0].replace("\\t", " ")) for row in rows]
    tokens = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").rstrip("\n").split("\n")
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    print("lines\t%d" % len(tokens))
    for token_id, token in enumerate(tokens):
        piece = token[2:] if len(token) > 2 and token.startswith("##") else token
        if token in special or any(piece in text for text in texts):
            print("%d\t%s" % (token_id, token))


if __name__ == "__main__":
    main()
