using Microsoft.ML.Infomorphic.Information;

namespace Microsoft.ML.Infomorphic.Tests.Information;

[TestClass]
public class JointDistributionTests
{
    private static readonly (int[] Sources, int Target, double Mass)[] s_none = [];

    [TestMethod]
    public void Wrong_arguments_are_named_in_the_words_of_the_method()
    {
        Refused("A joint distribution has at least one outcome.", s_none);
        Refused("Every outcome has values of its sources; those of outcome 0 are null.", (null!, 0, 1));
        Refused(
            "Every outcome has values of its sources; those of outcome 1 are null.",
            ([1], 0, 0.5),
            (null!, 0, 0.5)
        );
        Refused("A joint distribution has 1 to 4 sources; outcome 0 has 0.", ([], 0, 1));
        Refused("A joint distribution has 1 to 4 sources; outcome 0 has 5.", ([1, 2, 3, 4, 5], 0, 1));
        Refused(
            "Every outcome has the same number of sources; outcome 1 has 1 and the first one has 2.",
            ([1, 2], 0, 0.5),
            ([1], 0, 0.5)
        );
        Assert.AreEqual(
            "Every probability is a finite number that is not negative; that of outcome 0 is -1. (Parameter 'outcomes')",
            Failure(() => JointDistribution.FromProbabilities([([1], 0, -1)]))
        );
        Assert.AreEqual(
            "Every weight is a finite number that is not negative; that of outcome 1 is NaN. (Parameter 'samples')",
            Failure(() => JointDistribution.FromSamples([([1], 0, 1), ([1], 0, double.NaN)]))
        );

        static void Refused(string sentence, params (int[] Sources, int Target, double Mass)[] outcomes)
        {
            Assert.AreEqual(
                $"{sentence} (Parameter 'outcomes')",
                Failure(() => JointDistribution.FromProbabilities(outcomes))
            );
            Assert.AreEqual(
                $"{sentence} (Parameter 'samples')",
                Failure(() => JointDistribution.FromSamples(outcomes))
            );
        }

        static string Failure(Action action) => Assert.ThrowsExactly<ArgumentException>(action).Message;
    }
}
