using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace PaperReproduction;

/// <summary>One training: all that decides its result.</summary>
/// <param name="DataSet">mnist or cifar10.</param>
/// <param name="System">The name of a <see cref="PaperSystem"/>.</param>
/// <param name="Goal">The hidden neurons' goal in the paper's notation, to the last digit; empty where they have none.</param>
/// <param name="HiddenNeurons">N.</param>
/// <param name="Epochs">Passes over the training rows.</param>
/// <param name="Seed">Decides the rows withheld for validation and everything random in training and sampling.</param>
/// <param name="Rows">Rows to draw from the training set; a fifth of them is withheld for validation.</param>
/// <param name="Protocol">The version of what the sample does with a cell; results of other versions are other results.</param>
internal sealed record Cell(
    string DataSet,
    string System,
    string Goal,
    int HiddenNeurons,
    int Epochs,
    int Seed,
    int Rows,
    int Protocol = Cell.CurrentProtocol
) : ICell
{
    public const int CurrentProtocol = 2;

    /// <summary>A file name that tells the cell apart from all others: readable, and with a digest of all its parts.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string FileName
    {
        get
        {
            string all = string.Create(
                CultureInfo.InvariantCulture,
                $"{DataSet}\n{System}\n{Goal}\n{HiddenNeurons}\n{Epochs}\n{Seed}\n{Rows}\n{Protocol}"
            );
            string digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all)))[..12];
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{DataSet}-{System}-n{HiddenNeurons}-e{Epochs}-s{Seed}-{digest}.json"
            );
        }
    }
}

/// <summary>What a training came to. Accuracies are shares of rows, 0 to 1, with the label withheld.</summary>
/// <param name="SampledTest">Test accuracy, one sample a neuron, scores as the output layer gives them: the paper's way.</param>
/// <param name="MeanFieldTest">Test accuracy as the model scores by default: mean field, calibrated; null where a system has none.</param>
/// <param name="SampledValidation">Accuracy on the withheld rows, sampled.</param>
/// <param name="MeanFieldValidation">Accuracy on the withheld rows, mean field; null where a system has none.</param>
/// <param name="TrainingSeconds">Seconds of training, evaluations after every epoch included.</param>
/// <param name="StepSeconds">Seconds spent in training steps alone.</param>
/// <param name="Steps">Training steps.</param>
internal sealed record Outcome(
    double SampledTest,
    double? MeanFieldTest,
    double SampledValidation,
    double? MeanFieldValidation,
    double TrainingSeconds,
    double StepSeconds,
    long Steps
);

/// <summary>What a cell was run on.</summary>
internal sealed record Hardware(
    string Processor,
    int Cores,
    int ThreadsPerCell,
    int CellsAtOnce,
    string OperatingSystem
);

/// <summary>A finished cell.</summary>
internal sealed record CellResult(Cell Cell, Outcome Outcome, Hardware Hardware, string Library) : ICellResult<Cell>
{
    [System.Text.Json.Serialization.JsonIgnore]
    public string Summary
    {
        get
        {
            string meanField = Outcome.MeanFieldTest is double value
                ? string.Create(CultureInfo.InvariantCulture, $", mean field {100 * value:F2} %")
                : "";
            return string.Create(
                CultureInfo.InvariantCulture,
                $"test, sampled {100 * Outcome.SampledTest:F2} %{meanField}; {Outcome.TrainingSeconds:F0} s"
            );
        }
    }
}
