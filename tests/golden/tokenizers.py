"""Makes tokenizers/NAME/{tokenizer.json,tokenizer_config.json,expected.jsonl}: small tokenizers of each family trained on made-up text,
and the ids that PyPI's `tokenizers` gives to made-up text and to random Unicode, frame tokens being plain text. Uses the families of
tests/cli/tokenizers_parity.py.

    python3 tokenizers.py
"""
import json
import pathlib
import shutil
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent / "cli")  # not this folder: it would hide the package `tokenizers`
import tokenizers_parity as parity  # noqa: E402

NAMES = {"BERT, cased": "bert-cased", "MPNet": "mpnet", "RoBERTa": "roberta", "ModernBERT": "modernbert",
         "byte-level BPE, Llama 3's words": "llama3-words", "plain BPE, byte fallback": "byte-fallback",
         "plain BPE, Metaspace": "metaspace", "WordLevel": "word-level", "XLM-R": "xlm-roberta", "DeBERTa v3": "deberta",
         "DeBERTa v3, older file": "deberta-older"}
# What sentencepiece's own table does to these characters; the whole table would take 300 kB.
RULES = ["FB01\t66 69", "E9\t65", "65 301\t65", "AA\t61", "9\t20", "3000\t20", "2460\t31", "30AB 3099\t30AC", "AD\t", "FF21\t41"]


def main():
    texts = parity.made_up_texts(400)
    said = texts[:40] + parity.random_unicode(60) + ["", " ", "  a  b ", "<url> x", "x<url>", "USER USER", "aUSER",
                                                    "a\u00adb ﬁ\u0301 ① カ\u3099",
                                                    "don't  you'll 12345 x", "a\tb\u3000c", "e\u0301 \u00aa Ａ", "\u0301", "naïve café"]
    with tempfile.TemporaryDirectory() as folder:
        rules = pathlib.Path(folder) / "rules.tsv"
        rules.write_text("".join(f"{rule}\n" for rule in RULES))
        parity.SIZES.update(vocabulary=450, alphabet=60,
                            sentencepiece={"normalization_rule_tsv": str(rules), "character_coverage": 0.98})
        for family, name in NAMES.items():
            directory = HERE / "tokenizers" / name
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            with tempfile.TemporaryDirectory() as made_in:
                made_in = pathlib.Path(made_in)
                parity.FAMILIES[family](texts, made_in)
                reference = parity.reference(made_in, parity.FRAME)
                file = json.loads((made_in / "tokenizer.json").read_text(encoding="utf-8"))
                (directory / "tokenizer.json").write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
                config = made_in / "tokenizer_config.json"
                if config.exists():
                    shutil.copy(config, directory)
            with open(directory / "expected.jsonl", "w", encoding="utf-8") as out:
                for text in said:
                    ids = reference.encode(text, add_special_tokens=False).ids
                    out.write(json.dumps({"text": text, "ids": ids}) + "\n")


main()
