"""The backbones, up to stride 16, compute what the models of torchvision compute with the same weights."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from engine.layers.mobilenet import MobileNetV2
from engine.layers.resnet import resnet18, resnet50


def randomised(model: nn.Module) -> nn.Module:
    """Return the model in evaluation mode, with random parameters and statistics in its batch norms."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.2, 0.2)
    return model.eval()


def folded(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the weight and bias of a single convolution that equals `convolution` followed by `norm`."""
    fused = nn.utils.fusion.fuse_conv_bn_eval(convolution, norm)
    return fused.weight, fused.bias


def copy_weights(source: nn.Module, target: nn.Module) -> None:
    """Copy the convolutions of `source`, with batch norms folded in, to those of `target`, in order of definition."""
    convolutions = [module for module in source.modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in source.modules() if isinstance(module, nn.BatchNorm2d)]
    own = [module for module in target.modules() if isinstance(module, nn.Conv2d)]
    for convolution, norm, module in zip(convolutions, norms, own):
        weight, bias = folded(convolution, norm)
        assert module.weight.shape == weight.shape
        module.load_state_dict({"weight": weight, "bias": bias})


def close(maps: dict[int, Tensor], expected: dict[int, Tensor]) -> bool:
    return all(torch.allclose(maps[stride], map_, rtol=1e-4, atol=1e-4) for stride, map_ in expected.items())


@pytest.mark.parametrize(
    ("model", "backbone"),
    [
        (torchvision.models.resnet50, resnet50),
        (torchvision.models.resnet18, lambda: resnet18(channels_in=3)),
    ],
)
@torch.inference_mode()
def test_resnet_computes_the_stages_of_torchvisions(model, backbone):
    torch.manual_seed(3)
    model, backbone = randomised(model(weights=None)), backbone().eval()
    copy_weights(model, backbone)
    image = torch.rand(1, 3, 64, 96)
    features = model.maxpool(model.relu(model.bn1(model.conv1(image))))
    expected = {}
    for stride, stage in ((4, model.layer1), (8, model.layer2), (16, model.layer3)):
        expected[stride] = features = stage(features)
    assert close(backbone(image), expected)


@torch.inference_mode()
def test_mobilenet_computes_the_blocks_of_torchvisions_up_to_the_first_dilated_one():
    torch.manual_seed(4)
    model, backbone = randomised(torchvision.models.mobilenet_v2(weights=None)), MobileNetV2().eval()
    copy_weights(model, backbone)
    features = image = torch.rand(1, 3, 64, 96)
    expected = {}
    for index, block in enumerate(model.features[:14]):
        features = block(features)
        if index in (3, 6, 13):
            expected[features.shape[-1]] = features
    assert close(backbone(image), {96 // width: features for width, features in expected.items()})


def test_torchvision_finds_its_operators_beside_the_torch_that_is_installed():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 11], [20, 20, 30, 30]])
    assert torchvision.ops.nms(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.5).tolist() == [1, 2]
