using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Scoring;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic;

// What is not trained, said in one sentence before memory is taken.
public sealed partial class InfomorphicTrainer
{
    // Before the rows are read.
    private void ThrowIfNoImage(DataViewSchema.Column features, ImageShape? image)
    {
        if (_settings.Augmentation is ImageAugmentation augmentation && features.Type is VectorDataViewType vector)
            _ = new Augmenter(augmentation, _settings.Image ?? image, vector.Size, _settings.Seed);
    }

    // Where memory does not suffice, libtorch says so at length, or the system ends the process.
    private void ThrowIfTooLarge(MemoryPlan plan, int features, int classes, int rows, string label)
    {
        // The collector's limit may be a part of the memory that there is, and libtorch does not know of it.
        GCMemoryInfo memory = GC.GetGCMemoryInfo();
        double available = Math.Max(memory.TotalAvailableMemoryBytes, memory.HighMemoryLoadThresholdBytes);
        (double bytes, LayerSize largest) = plan.AtLeast(features, classes, rows);
        if (bytes <= available)
            return;
        string what;
        if (largest.Index == _settings.HiddenLayers.Count)
        {
            what = string.Create(CultureInfo.InvariantCulture, $"The label column '{label}' has {classes} classes");
        }
        else
        {
            string list = string.Create(
                CultureInfo.InvariantCulture,
                $"{nameof(Options.HiddenLayers)}[{largest.Index}]."
            );
            string layer = _neuronsOption is null ? list : "";
            string connections =
                largest.LargestSource == 'L'
                    ? $" other neurons ({layer}{nameof(Options.MaximumLateralConnections)})"
                    : " inputs";
            what = string.Create(
                CultureInfo.InvariantCulture,
                $"{_neuronsOption ?? list + nameof(HiddenLayerOptions.NumberOfNeurons)} is {_settings.HiddenLayers[largest.Index].Neurons}, and each of {largest.Neurons} neurons is connected to {largest.Connections}{connections}"
            );
        }

        throw Host.Except(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{what}: training takes at least {Size(bytes)} of memory, and this machine has {Size(available)}."
            )
        );

        static string Size(double bytes)
        {
            string[] units = ["MiB", "GiB", "TiB", "PiB", "EiB"];
            int unit = Math.Clamp((int)Math.Log(bytes / (1 << 20), 1024), 0, units.Length - 1);
            return string.Create(CultureInfo.InvariantCulture, $"{bytes / Math.Pow(1024, unit + 2):0.#} {units[unit]}");
        }
    }

    // A neuron for each class that a hash or an identifier might have been, though hardly any has a row.
    private void ThrowIfTooManyClasses(RowSurvey survey, string label)
    {
        const int Usual = 1 << 16;
        const int ClassesPerRow = 100;
        if (survey.ClassCount > Usual && survey.ClassCount > (long)ClassesPerRow * survey.RowCount)
            throw Host.Except(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The label column '{label}' has {survey.ClassCount} classes, and there are {survey.RowCount} rows to learn them from: map labels to keys by MapValueToKey, which makes as many classes as there are labels."
                )
            );
    }

    // One row may decide everything, the scales of the features as well.
    private static string? SuspicionOf(RowSurvey survey, string? weightColumn)
    {
        const double Wide = 1e12;
        return survey.LargestWeight <= Wide * survey.SmallestWeight
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"Weights in the column '{weightColumn}' are from {survey.SmallestWeight} to {survey.LargestWeight}, and beside the heaviest rows the lightest count for nothing: bring the weights closer together."
            );
    }

    private void ThrowIfDataDoNotFit(RowSource train, RowSource? validation, InfomorphicModelParameters? earlier)
    {
        if (earlier is null && !train.HasDifferentLabels)
            throw Host.Except(
                $"All {train.RowCount} valid training instances have the same label, and a classifier needs at least two classes."
            );
        if (validation is not null)
            ThrowIfDifferent("validation data", "features", validation.FeatureCount, train.FeatureCount);
        if (validation is not null)
            ThrowIfDifferent("validation data", "classes", validation.ClassCount, train.ClassCount);
        if (earlier is not null)
            ThrowIfDifferent("model to go on from", "features", earlier.Encoding.FeatureCount, train.FeatureCount);
    }

    private void ThrowIfDifferent(string what, string ofWhat, int count, int training)
    {
        if (count != training)
            throw Host.Except($"The {what} has {count} {ofWhat}, and the training data has {training}.");
    }
}
