"""The classification networks of torchvision and their published weights, without importing torchvision.

A test compares this table with torchvision's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ArchitectureName = Literal[
    "alexnet", "convnext_base", "convnext_large", "convnext_small", "convnext_tiny", "densenet121", "densenet161",
    "densenet169", "densenet201", "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3",
    "efficientnet_b4", "efficientnet_b5", "efficientnet_b6", "efficientnet_b7", "efficientnet_v2_l",
    "efficientnet_v2_m", "efficientnet_v2_s", "googlenet", "inception_v3", "maxvit_t", "mnasnet0_5", "mnasnet0_75",
    "mnasnet1_0", "mnasnet1_3", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_x_16gf",
    "regnet_x_1_6gf", "regnet_x_32gf", "regnet_x_3_2gf", "regnet_x_400mf", "regnet_x_800mf", "regnet_x_8gf",
    "regnet_y_128gf", "regnet_y_16gf", "regnet_y_1_6gf", "regnet_y_32gf", "regnet_y_3_2gf", "regnet_y_400mf",
    "regnet_y_800mf", "regnet_y_8gf", "resnet101", "resnet152", "resnet18", "resnet34", "resnet50",
    "resnext101_32x8d", "resnext101_64x4d", "resnext50_32x4d", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5", "shufflenet_v2_x2_0", "squeezenet1_0", "squeezenet1_1", "swin_b", "swin_s", "swin_t",
    "swin_v2_b", "swin_v2_s", "swin_v2_t", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19",
    "vgg19_bn", "vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32", "wide_resnet101_2", "wide_resnet50_2",
]  # fmt: skip

V1, V2 = "IMAGENET1K_V1", "IMAGENET1K_V2"
SWAG_E2E, SWAG_LINEAR = "IMAGENET1K_SWAG_E2E_V1", "IMAGENET1K_SWAG_LINEAR_V1"
WeightsName = Literal[
    "DEFAULT", "IMAGENET1K_V1", "IMAGENET1K_V2", "IMAGENET1K_SWAG_E2E_V1", "IMAGENET1K_SWAG_LINEAR_V1", "none"
]


@dataclass(frozen=True)
class Architecture:
    """parameters: how many. megabytes: size of the file of the default weights. side: the pictures these were trained
    on are side × side pixels. accuracy: their top-1 accuracy on ImageNet-1K, as torchvision reports it. published: the
    names of all weights that torchvision publishes for it."""

    name: str
    parameters: int
    megabytes: float
    side: int
    accuracy: float
    published: tuple[str, ...] = (V1,)


ARCHITECTURES: dict[str, Architecture] = {
    row.name: row
    for row in (
        Architecture("alexnet", 61_100_840, 233.1, 224, 0.565),
        Architecture("convnext_base", 88_591_464, 338.1, 224, 0.841),
        Architecture("convnext_large", 197_767_336, 754.5, 224, 0.844),
        Architecture("convnext_small", 50_223_688, 191.7, 224, 0.836),
        Architecture("convnext_tiny", 28_589_128, 109.1, 224, 0.825),
        Architecture("densenet121", 7_978_856, 30.8, 224, 0.744),
        Architecture("densenet161", 28_681_000, 110.4, 224, 0.771),
        Architecture("densenet169", 14_149_480, 54.7, 224, 0.756),
        Architecture("densenet201", 20_013_928, 77.4, 224, 0.769),
        Architecture("efficientnet_b0", 5_288_548, 20.5, 224, 0.777),
        Architecture("efficientnet_b1", 7_794_184, 30.1, 240, 0.798, (V1, V2)),
        Architecture("efficientnet_b2", 9_109_994, 35.2, 288, 0.806),
        Architecture("efficientnet_b3", 12_233_232, 47.2, 300, 0.820),
        Architecture("efficientnet_b4", 19_341_616, 74.5, 380, 0.834),
        Architecture("efficientnet_b5", 30_389_784, 116.9, 456, 0.834),
        Architecture("efficientnet_b6", 43_040_704, 165.4, 528, 0.840),
        Architecture("efficientnet_b7", 66_347_960, 254.7, 600, 0.841),
        Architecture("efficientnet_v2_l", 118_515_272, 454.6, 480, 0.858),
        Architecture("efficientnet_v2_m", 54_139_356, 208.0, 480, 0.851),
        Architecture("efficientnet_v2_s", 21_458_488, 82.7, 384, 0.842),
        Architecture("googlenet", 6_624_904, 49.7, 224, 0.698),
        Architecture("inception_v3", 27_161_264, 103.9, 299, 0.773),
        Architecture("maxvit_t", 30_919_624, 118.8, 224, 0.837),
        Architecture("mnasnet0_5", 2_218_512, 8.6, 224, 0.677),
        Architecture("mnasnet0_75", 3_170_208, 12.3, 224, 0.712),
        Architecture("mnasnet1_0", 4_383_312, 16.9, 224, 0.735),
        Architecture("mnasnet1_3", 6_282_256, 24.2, 224, 0.765),
        Architecture("mobilenet_v2", 3_504_872, 13.6, 224, 0.722, (V1, V2)),
        Architecture("mobilenet_v3_large", 5_483_032, 21.1, 224, 0.753, (V1, V2)),
        Architecture("mobilenet_v3_small", 2_542_856, 9.8, 224, 0.677),
        Architecture("regnet_x_16gf", 54_278_536, 207.6, 224, 0.827, (V1, V2)),
        Architecture("regnet_x_1_6gf", 9_190_136, 35.3, 224, 0.797, (V1, V2)),
        Architecture("regnet_x_32gf", 107_811_560, 412.0, 224, 0.830, (V1, V2)),
        Architecture("regnet_x_3_2gf", 15_296_552, 58.8, 224, 0.812, (V1, V2)),
        Architecture("regnet_x_400mf", 5_495_976, 21.3, 224, 0.749, (V1, V2)),
        Architecture("regnet_x_800mf", 7_259_656, 27.9, 224, 0.775, (V1, V2)),
        Architecture("regnet_x_8gf", 39_572_648, 151.5, 224, 0.817, (V1, V2)),
        Architecture("regnet_y_128gf", 644_812_894, 2461.6, 384, 0.882, (SWAG_E2E, SWAG_LINEAR)),
        Architecture("regnet_y_16gf", 83_590_140, 319.5, 224, 0.829, (V1, V2, SWAG_E2E, SWAG_LINEAR)),
        Architecture("regnet_y_1_6gf", 11_202_430, 43.2, 224, 0.809, (V1, V2)),
        Architecture("regnet_y_32gf", 145_046_770, 554.1, 224, 0.834, (V1, V2, SWAG_E2E, SWAG_LINEAR)),
        Architecture("regnet_y_3_2gf", 19_436_338, 74.6, 224, 0.820, (V1, V2)),
        Architecture("regnet_y_400mf", 4_344_144, 16.8, 224, 0.758, (V1, V2)),
        Architecture("regnet_y_800mf", 6_432_512, 24.8, 224, 0.788, (V1, V2)),
        Architecture("regnet_y_8gf", 39_381_472, 150.7, 224, 0.828, (V1, V2)),
        Architecture("resnet101", 44_549_160, 170.5, 224, 0.819, (V1, V2)),
        Architecture("resnet152", 60_192_808, 230.5, 224, 0.823, (V1, V2)),
        Architecture("resnet18", 11_689_512, 44.7, 224, 0.698),
        Architecture("resnet34", 21_797_672, 83.3, 224, 0.733),
        Architecture("resnet50", 25_557_032, 97.8, 224, 0.809, (V1, V2)),
        Architecture("resnext101_32x8d", 88_791_336, 339.7, 224, 0.828, (V1, V2)),
        Architecture("resnext101_64x4d", 83_455_272, 319.3, 224, 0.832),
        Architecture("resnext50_32x4d", 25_028_904, 95.8, 224, 0.812, (V1, V2)),
        Architecture("shufflenet_v2_x0_5", 1_366_792, 5.3, 224, 0.606),
        Architecture("shufflenet_v2_x1_0", 2_278_604, 8.8, 224, 0.694),
        Architecture("shufflenet_v2_x1_5", 3_503_624, 13.6, 224, 0.730),
        Architecture("shufflenet_v2_x2_0", 7_393_996, 28.4, 224, 0.762),
        Architecture("squeezenet1_0", 1_248_424, 4.8, 224, 0.581),
        Architecture("squeezenet1_1", 1_235_496, 4.7, 224, 0.582),
        Architecture("swin_b", 87_768_224, 335.4, 224, 0.836),
        Architecture("swin_s", 49_606_258, 189.8, 224, 0.832),
        Architecture("swin_t", 28_288_354, 108.2, 224, 0.815),
        Architecture("swin_v2_b", 87_930_848, 336.4, 256, 0.841),
        Architecture("swin_v2_s", 49_737_442, 190.7, 256, 0.837),
        Architecture("swin_v2_t", 28_351_570, 108.6, 256, 0.821),
        Architecture("vgg11", 132_863_336, 506.8, 224, 0.690),
        Architecture("vgg11_bn", 132_868_840, 506.9, 224, 0.704),
        Architecture("vgg13", 133_047_848, 507.5, 224, 0.699),
        Architecture("vgg13_bn", 133_053_736, 507.6, 224, 0.716),
        Architecture("vgg16", 138_357_544, 527.8, 224, 0.716),
        Architecture("vgg16_bn", 138_365_992, 527.9, 224, 0.734),
        Architecture("vgg19", 143_667_240, 548.1, 224, 0.724),
        Architecture("vgg19_bn", 143_678_248, 548.1, 224, 0.742),
        Architecture("vit_b_16", 86_567_656, 330.3, 224, 0.811, (V1, SWAG_E2E, SWAG_LINEAR)),
        Architecture("vit_b_32", 88_224_232, 336.6, 224, 0.759),
        Architecture("vit_h_14", 633_470_440, 2416.6, 518, 0.886, (SWAG_E2E, SWAG_LINEAR)),
        Architecture("vit_l_16", 304_326_632, 1161.0, 224, 0.797, (V1, SWAG_E2E, SWAG_LINEAR)),
        Architecture("vit_l_32", 306_535_400, 1169.4, 224, 0.770),
        Architecture("wide_resnet101_2", 126_886_696, 484.7, 224, 0.825, (V1, V2)),
        Architecture("wide_resnet50_2", 68_883_240, 263.1, 224, 0.816, (V1, V2)),
    )
}
