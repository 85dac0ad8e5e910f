"""How much of what a user brings is read. What is beyond is refused before it is read."""

MOST_MEMBERS = 20_000  # files and folders of an archive
MOST_FILES = 200_000  # files of a folder, and rows of a table
MOST_LEVELS = 8  # folders within folders
LARGEST_UNPACKED = 4 * 2**30  # bytes of all members of an archive
LARGEST_RATIO = 100  # bytes unpacked for each byte of an archive; pictures have 1, features of zeros perhaps 10
RATIO_COUNTS_FROM = 32 * 2**20  # unpacked bytes below which the ratio does not matter
LONGEST_PATH = 1_000  # characters
LONGEST_NAME = 100  # characters of a class or a domain
MOST_CLASSES = 2_000

LARGEST_PICTURE_FILE = 64 * 2**20
MOST_PIXELS = 50_000_000  # of one picture
PIXELS_AT_ONCE = 100_000_000  # of all pictures that are being decoded
SMALLEST_SIDE, LARGEST_SIDE = 16, 256  # of the squares that are kept
FEWEST_OF_A_CLASS = 3  # one to learn from, one to choose by, one to report on

LARGEST_TABLE = 100 * 2**20  # bytes of a CSV
MOST_FEATURES = 100_000  # columns
MOST_EXAMPLES = 1_000_000  # rows of features
MOST_VALUES = 500_000_000  # numbers of a table of features: 2 GB as float32
