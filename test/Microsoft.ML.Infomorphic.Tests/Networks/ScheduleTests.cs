using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Tests.Networks;

[TestClass]
public class ScheduleTests
{
    // Two layers with lateral input, an output layer on top; the lowest passes on what was found out before.
    [TestMethod]
    public void What_was_found_out_before_is_heard_from_the_first_presentation_on()
    {
        IReadOnlyList<Signal>[][] signals =
        [
            [
                [Signal.Features],
                [Signal.Layer(0)],
            ],
            [
                [Signal.Layer(0)],
                [Signal.Layer(1)],
            ],
            [
                [Signal.Layer(1)],
                [Signal.OwnLabel],
            ],
        ];
        var schedule = new Schedule(signals, 3, withLabel: true, constantAbove: [0]);
        Visit[] visits = [.. schedule.Visits.Where(visit => visit.Layer == 1)];
        Assert.HasCount(3, visits);
        Assert.AreEqual(SourceTurn.Aggregated, visits[0].Turns[0]);
        Assert.AreEqual(SourceTurn.Kept, visits[1].Turns[0]);
        foreach (Visit visit in visits)
            Assert.IsFalse(schedule.HearsEarlier(visit, Signal.Layer(0)));
        foreach (Visit visit in schedule.Visits.Where(visit => visit.Layer == 0))
            Assert.IsTrue(schedule.HearsEarlier(visit, Signal.Layer(0)));
    }
}
