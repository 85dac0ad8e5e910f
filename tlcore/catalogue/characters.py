"""Digits and characters: small pictures, most of them without colour."""

from __future__ import annotations

from tlcore.catalogue.entry import Entry, Resource

DIGITS = tuple("0123456789")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
BALANCED = tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt")
IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
UCI_DIGITS = "https://archive.ics.uci.edu/dataset/80"
GANIN = "Y. Ganin et al., Domain-Adversarial Training of Neural Networks, Journal of Machine Learning Research 17, 2016"
EMNIST_CITATION = "G. Cohen, S. Afshar, J. Tapson, A. van Schaik, EMNIST: Extending MNIST to handwritten letters, 2017"
PHOTOGRAPHS = Resource(
    ("https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz",),
    md5="",
    size=70_763_455,
    file="BSDS500/train",
)


def _idx(folder: str, mirrors: tuple[str, ...], known: tuple[tuple[str, int], ...]) -> tuple[Resource, ...]:
    """The four gzipped files of a set in MNIST's format, with their checksums and sizes."""
    return tuple(
        Resource(
            tuple(f"{mirror}{name}.gz" for mirror in mirrors),
            md5,
            size,
            f"{folder}/raw/{name}",
            "gz",
        )
        for name, (md5, size) in zip(IDX_FILES, known, strict=True)
    )


def _emnist(split: str, title: str, names: tuple[str, ...], train: int, test: int, lead: str) -> Entry:
    return Entry(
        name=f"emnist-{split}",
        title=title,
        lead=lead,
        class_names=names,
        class_count=len(names),
        train=train,
        test=test,
        pixels="28 × 28",
        own_side=28,
        channels=1,
        licence="not stated; made from NIST Special Database 19",
        url="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        citation=EMNIST_CITATION,
        files=tuple(
            f"EMNIST/raw/emnist-{split}-{part}-{what}-ubyte"
            for part in ("train", "test")
            for what in ("images-idx3", "labels-idx1")
        ),
        resources=(
            Resource(
                ("https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",),
                "58c8d27c78d21e728a6bc7b3cc06412e",
                561_753_746,
                "EMNIST/raw/gzip.zip",
                "emnist",
                "EMNIST/raw",
            ),
        ),
    )


MNIST_RESOURCES = _idx(
    "MNIST",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    (
        ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
        ("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
        ("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
        ("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
    ),
)
MNIST_FILES = tuple(f"MNIST/raw/{name}" for name in IDX_FILES)

CHARACTERS = (
    Entry(
        name="digits",
        title="Handwritten digits of scikit-learn",
        lead="1,797 real digits, enlarged to 16 × 16 and varied by small affine maps.",
        class_names=DIGITS,
        class_count=10,
        train=1797,
        test=0,
        pixels="8 × 8, enlarged to 16 × 16",
        own_side=16,
        licence="CC BY 4.0",
        url=UCI_DIGITS,
        citation="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, 1998",
        channels=1,
    ),
    Entry(
        name="photo-digits",
        title="Handwritten digits over photographs",
        lead="The same digits over crops of scikit-learn's two sample photographs.",
        class_names=DIGITS,
        class_count=10,
        train=1797,
        test=0,
        pixels="16 × 16",
        own_side=16,
        licence="CC BY 4.0 (digits), CC BY 2.0 (photographs)",
        url=UCI_DIGITS,
        citation="E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, 1998",
    ),
    Entry(
        name="glyphs",
        title="Letters and digits over photographs",
        lead="Capital letters and digits rendered here from one font, turned and bent, over the same photographs.",
        class_names=tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        class_count=36,
        train=5_400,
        test=1_080,
        pixels="16 × 16",
        own_side=16,
        licence="CC0 (font), CC BY 2.0 (photographs)",
        url="https://dotcolon.net/fonts/aileron",
        citation="S. Sagano, Aileron Regular 1.102, the font that comes with Pillow",
    ),
    Entry(
        name="two-digits",
        title="Two digits in one picture",
        lead="Two of the handwritten digits, partly over each other; the left one is the class, and a hundred more "
        "tasks are asked of both.",
        class_names=DIGITS,
        class_count=10,
        train=3_000,
        test=1_000,
        pixels="16 × 21",
        own_side=16,
        channels=1,
        balanced=False,
        licence="CC BY 4.0",
        url=UCI_DIGITS,
        citation="after MultiMNIST: S. Sabour, N. Frosst, G. E. Hinton, Dynamic Routing Between Capsules, 2017",
    ),
    Entry(
        name="syn-numbers",
        title="Synthetic numbers",
        lead="Digits rendered here from fonts, with colour, blur and neighbours, as the source for street numbers.",
        class_names=DIGITS,
        class_count=10,
        train=10_000,
        test=2_000,
        pixels="32 × 32",
        own_side=32,
        licence="generated",
        url="https://jmlr.org/papers/v17/15-239.html",
        citation=GANIN,
    ),
    Entry(
        name="mnist",
        title="MNIST",
        lead="Handwritten digits, white on black.",
        class_names=DIGITS,
        class_count=10,
        train=60_000,
        test=10_000,
        pixels="28 × 28",
        own_side=28,
        channels=1,
        licence="CC BY-SA 3.0",
        url="http://yann.lecun.com/exdb/mnist/",
        citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-based learning applied to document recognition, "
        "Proceedings of the IEEE, 1998",
        files=MNIST_FILES,
        resources=MNIST_RESOURCES,
    ),
    Entry(
        name="mnist-m",
        title="MNIST-M",
        lead="MNIST digits blended with photographs, made here from MNIST and BSDS500.",
        class_names=DIGITS,
        class_count=10,
        train=60_000,
        test=10_000,
        pixels="28 × 28",
        own_side=28,
        licence="CC BY-SA 3.0 (MNIST), non-commercial research and education (BSDS500)",
        url="https://jmlr.org/papers/v17/15-239.html",
        citation=GANIN,
        files=(*MNIST_FILES, "BSDS500"),
        resources=(*MNIST_RESOURCES, PHOTOGRAPHS),
    ),
    Entry(
        name="usps",
        title="USPS",
        lead="Handwritten digits from envelopes of the United States Postal Service.",
        class_names=DIGITS,
        class_count=10,
        train=7_291,
        test=2_007,
        pixels="16 × 16",
        own_side=16,
        channels=1,
        balanced=False,
        licence="not stated",
        url="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps",
        citation="J. J. Hull, A database for handwritten text recognition research, IEEE TPAMI, 1994",
        files=("usps.bz2", "usps.t.bz2"),
        resources=(
            Resource(
                ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/usps.bz2",),
                "ec16c51db3855ca6c91edd34d0e9b197",
                6_579_383,
                "usps.bz2",
            ),
            Resource(
                ("https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/usps.t.bz2",),
                "8ea070ee2aca1ac39742fdd1ef5ed118",
                1_831_726,
                "usps.t.bz2",
            ),
        ),
    ),
    Entry(
        name="svhn",
        title="Street View House Numbers",
        lead="Digits of house numbers cut out of photographs of streets, with their neighbours.",
        class_names=DIGITS,
        class_count=10,
        train=73_257,
        test=26_032,
        pixels="32 × 32",
        own_side=32,
        balanced=False,
        licence="non-commercial use only",
        url="http://ufldl.stanford.edu/housenumbers/",
        citation="Y. Netzer et al., Reading Digits in Natural Images with Unsupervised Feature Learning, 2011",
        files=("train_32x32.mat", "test_32x32.mat"),
        resources=(
            Resource(
                ("http://ufldl.stanford.edu/housenumbers/train_32x32.mat",),
                "e26dedcc434d2e4c54c9b2d4a06d8373",
                182_040_794,
                "train_32x32.mat",
            ),
            Resource(
                ("http://ufldl.stanford.edu/housenumbers/test_32x32.mat",),
                "eb5a983be6a315427106f1b164d9cef3",
                64_275_384,
                "test_32x32.mat",
            ),
        ),
    ),
    Entry(
        name="fashion-mnist",
        title="Fashion-MNIST",
        lead="Articles of clothing in the format of MNIST.",
        class_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        class_count=10,
        train=60_000,
        test=10_000,
        pixels="28 × 28",
        own_side=28,
        channels=1,
        licence="MIT",
        url="https://github.com/zalandoresearch/fashion-mnist",
        citation="H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST: a Novel Image Dataset, 2017",
        files=tuple(f"FashionMNIST/raw/{name}" for name in IDX_FILES),
        resources=_idx(
            "FashionMNIST",
            ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
            (
                ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
                ("25c81989df183df01b3e8a0aad5dffbe", 29_515),
                ("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
                ("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
            ),
        ),
    ),
    Entry(
        name="kmnist",
        title="Kuzushiji-MNIST",
        lead="Ten cursive Japanese characters in the format of MNIST.",
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        class_count=10,
        train=60_000,
        test=10_000,
        pixels="28 × 28",
        own_side=28,
        channels=1,
        licence="CC BY-SA 4.0",
        url="https://github.com/rois-codh/kmnist",
        citation="T. Clanuwat et al., Deep Learning for Classical Japanese Literature, 2018",
        files=tuple(f"KMNIST/raw/{name}" for name in IDX_FILES),
        resources=_idx(
            "KMNIST",
            ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
            (
                ("bdb82020997e1d708af4cf47b453dcf7", 18_165_135),
                ("e144d726b3acfaa3e44228e80efcd344", 29_497),
                ("5c965bf0a639b31b8f53240b1b52f4d7", 3_041_136),
                ("7320c461ea6c1c855c0b718fb2a4b134", 5_120),
            ),
        ),
    ),
    _emnist("letters", "EMNIST letters", LETTERS, 124_800, 20_800, "Handwritten letters, upper and lower case as one."),
    _emnist("balanced", "EMNIST balanced", BALANCED, 112_800, 18_800, "Handwritten digits and letters, 47 classes."),
    _emnist("digits", "EMNIST digits", DIGITS, 240_000, 40_000, "Handwritten digits, four times as many as in MNIST."),
    Entry(
        name="omniglot",
        title="Omniglot",
        lead="964 characters of 30 alphabets, each drawn by 20 people.",
        class_count=964,
        train=19_280,
        test=0,
        pixels="105 × 105",
        own_side=28,
        channels=1,
        licence="MIT",
        url="https://github.com/brendenlake/omniglot",
        citation="B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum, Human-level concept learning through probabilistic "
        "program induction, Science, 2015",
        files=("omniglot-py/images_background",),
        resources=(
            Resource(
                ("https://raw.githubusercontent.com/brendenlake/omniglot/master/python/images_background.zip",),
                "68d2efa1b9178cc56df9314c21c6e718",
                9_464_212,
                "omniglot-py/images_background.zip",
                "zip",
                "omniglot-py",
            ),
        ),
    ),
)  # fmt: skip
