"""What SkillWriter promises."""

from __future__ import annotations

import pytest

from memory.conformance.internalizer import assert_close, effect
from memory.ports import Internalizer, SkillWriter

DESCRIPTIONS = ["Answer in rhyme.", "Answer in capital letters."]


class SkillWriterConformance:
    """Descriptions of tasks become adapters that fit the internalizer's base model."""

    def test_it_says_which_weights_make_its_adapters(self, skills: SkillWriter) -> None:
        """The same name each time."""
        first, again = skills.hypernet_fingerprint, skills.hypernet_fingerprint
        assert first
        assert first == again

    def test_each_description_has_an_adapter_of_its_own(self, skills: SkillWriter) -> None:
        """Whatever it is made beside; none for none."""
        alone = [skills.generate([description])[0] for description in DESCRIPTIONS]
        for one, other in zip(skills.generate(DESCRIPTIONS), alone, strict=True):
            assert_close(effect(one), effect(other))
        assert skills.generate([]) == []

    @pytest.mark.parametrize("description", [*DESCRIPTIONS, "x" * 5000])
    def test_what_it_cannot_follow_is_said_in_a_line(self, skills: SkillWriter, description: str) -> None:
        """The same each time; None for what it can."""
        reason = skills.refusal(description)
        assert reason is None or (reason and "\n" not in reason)
        assert skills.refusal(description) == reason

    def test_a_skill_joins_a_merge(self, skills: SkillWriter, internalizer: Internalizer) -> None:
        """Both are for one base model."""
        from hypernet.lora.adapter import LoRA

        merged = internalizer.combine(internalizer.generate(["My dog is called Biscuit."]))
        device = next(iter(merged.A.values())).device
        joined = LoRA.concat([merged, skills.generate(DESCRIPTIONS[:1])[0].to(device)])
        assert joined.rank >= merged.rank
