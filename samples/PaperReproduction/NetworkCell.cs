using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.Infomorphic.Networks;

namespace PaperReproduction;

/// <summary>What becomes of a network's hidden layers.</summary>
internal enum NetworkControl
{
    /// <summary>Each neuron learns by its own goal.</summary>
    Learned,

    /// <summary>They never learn: a fixed random projection with outputs 0 and 1; the output layer learns.</summary>
    Random,

    /// <summary>The same connections without lateral ones, trained from end to end by backprop.</summary>
    Backprop,
}

/// <summary>One training of a network on images: all that decides its result.</summary>
/// <param name="DataSet">mnist, fashion or cifar10.</param>
/// <param name="Network">The name of an <see cref="ImageNetwork"/>.</param>
/// <param name="Control">What becomes of its hidden layers.</param>
/// <param name="Augmentation">How training images are changed; null for not at all.</param>
/// <param name="Epochs">Passes over the training rows, in each stage.</param>
/// <param name="Seed">Decides the rows withheld for validation and everything random in training.</param>
/// <param name="Rows">Rows to draw from the training set; a fifth of them is withheld for validation.</param>
/// <param name="Protocol">The version of what the sample does with a cell; results of other versions are other results.</param>
internal sealed record NetworkCell(
    string DataSet,
    string Network,
    NetworkControl Control,
    ImageAugmentation? Augmentation,
    int Epochs,
    int Seed,
    int Rows,
    int Protocol = NetworkCell.CurrentProtocol
) : ICell
{
    public const int CurrentProtocol = 1;

    /// <summary>A file name that tells the cell apart from all others: readable, and with a digest of all its parts.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string FileName
    {
        get
        {
            string all = string.Create(
                CultureInfo.InvariantCulture,
                $"{DataSet}\n{Network}\n{Control}\n{Describe(Augmentation)}\n{Epochs}\n{Seed}\n{Rows}\n{Protocol}"
            );
            string digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all)))[..12];
            string augmented = Augmentation is null ? "" : "-augmented";
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{DataSet}-{Network}-{Control.ToString().ToLowerInvariant()}{augmented}-e{Epochs}-s{Seed}-{digest}.json"
            );
        }
    }

    /// <summary>How images are changed, in words.</summary>
    public static string Describe(ImageAugmentation? augmentation)
    {
        if (augmentation is null)
            return "none";
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"±{augmentation.VerticalShift} × ±{augmentation.HorizontalShift} pixels, ±{augmentation.Rotation}°, ±{100 * augmentation.Zoom} %"
        );
        return augmentation.HorizontalFlip ? text + ", mirrored" : text;
    }
}

/// <summary>A layer in an epoch of its training.</summary>
/// <param name="Goal">The mean goal of its neurons, in bits.</param>
/// <param name="Atoms">The mean of each atom and of the residual entropy, in bits, in the goal's order.</param>
internal sealed record LayerInEpoch(double Goal, IReadOnlyList<double> Atoms);

/// <summary>An epoch. Layers that did not learn in it, or by no goal, are null.</summary>
internal sealed record NetworkEpoch(int Epoch, double Training, double Validation, IReadOnlyList<LayerInEpoch?> Layers);

/// <summary>What a training came to. Accuracies are shares of rows, 0 to 1, mean field, calibrated on the withheld rows.</summary>
/// <param name="Test">Accuracy on the test rows.</param>
/// <param name="Validation">Accuracy on the withheld rows, by which the epoch was chosen.</param>
/// <param name="Training">Accuracy on training rows, unchanged, at the epoch that was kept.</param>
/// <param name="Readouts">
/// Accuracy on the withheld rows of a softmax regression on each layer that was trained by itself, from the lowest; empty where
/// layers learn together, or not by goals.
/// </param>
/// <param name="BestEpoch">The epoch that was kept.</param>
/// <param name="Epochs">The epochs; those of the stages one after another.</param>
/// <param name="TrainingSeconds">Seconds of training, evaluations included.</param>
/// <param name="StepSeconds">Seconds spent in training steps alone.</param>
/// <param name="Steps">Training steps.</param>
internal sealed record NetworkOutcome(
    double Test,
    double Validation,
    double Training,
    IReadOnlyList<double> Readouts,
    int BestEpoch,
    IReadOnlyList<NetworkEpoch> Epochs,
    double TrainingSeconds,
    double StepSeconds,
    long Steps
);

/// <summary>A finished cell.</summary>
internal sealed record NetworkResult(NetworkCell Cell, NetworkOutcome Outcome, Hardware Hardware, string Library)
    : ICellResult<NetworkCell>
{
    [System.Text.Json.Serialization.JsonIgnore]
    public string Summary =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"test {100 * Outcome.Test:F2} %, validation {100 * Outcome.Validation:F2} %, training {100 * Outcome.Training:F2} %; {Outcome.TrainingSeconds:F0} s"
        );
}
