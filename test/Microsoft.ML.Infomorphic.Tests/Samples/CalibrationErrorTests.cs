using Mnist;

namespace Microsoft.ML.Infomorphic.Tests.SampleTests;

[TestClass]
public class CalibrationErrorTests
{
    [TestMethod]
    public void The_calibration_error_is_the_mean_distance_of_probability_and_accuracy()
    {
        // By hand: two rows at 0.75, one of them right: |1 − 1.5|; two at 0.5, none right: |0 − 1|; of four rows.
        float[][] scores =
        [
            [0.75f, 0.25f],
            [0.75f, 0.25f],
            [0.5f, 0.5f],
            [0.5f, 0.5f],
        ];

        Assert.AreEqual((0.5 + 1) / 4, CalibrationError.Expected(scores, [0, 1, 1, 1]), 1e-12);
    }

    [TestMethod]
    public void The_calibration_error_is_zero_where_certainty_is_right_and_one_where_it_is_wrong()
    {
        float[][] scores =
        [
            [1, 0],
            [0, 1],
        ];

        Assert.AreEqual(0, CalibrationError.Expected(scores, [0, 1]));
        Assert.AreEqual(1, CalibrationError.Expected(scores, [1, 0]));
    }

    [TestMethod]
    public void Errors_of_opposite_sign_in_one_bin_cancel_and_in_two_do_not()
    {
        // 0.7 and 0.71 share the bin (10/15, 11/15]; 0.6 is in another.
        Assert.AreEqual(
            0.205,
            CalibrationError.Expected(
                [
                    [0.7f, 0.3f],
                    [0.71f, 0.29f],
                ],
                [0, 1]
            ),
            1e-6
        );
        Assert.AreEqual(
            (0.3 + 0.6) / 2,
            CalibrationError.Expected(
                [
                    [0.7f, 0.3f],
                    [0.6f, 0.4f],
                ],
                [0, 1]
            ),
            1e-6
        );
    }
}
