using System.Globalization;
using System.Numerics.Tensors;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Labelled rows of a data view, where in the view each of them is, and what the classes are called.</summary>
/// <param name="Rows">The valid rows.</param>
/// <param name="Places">The place in the view of each, from 0.</param>
/// <param name="ClassNames">One name a class.</param>
/// <param name="FeatureNames">The names of the features' slots; null where they have none.</param>
internal sealed record InsightRows(LabeledRows Rows, long[] Places, string[] ClassNames, string[]? FeatureNames);

/// <summary>Reads the rows that a trained network is explained on.</summary>
internal static class InsightReader
{
    /// <summary>Reads the valid rows; the others are skipped, and their numbers reported.</summary>
    /// <param name="host">The host.</param>
    /// <param name="network">The network to explain.</param>
    /// <param name="encoding">What it reads of a row.</param>
    /// <param name="data">The data.</param>
    /// <param name="labelColumn">The name of the label column.</param>
    /// <param name="featureColumn">The name of the feature column.</param>
    /// <param name="weightColumn">The name of the weight column, or null.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or does not fit the network.</exception>
    /// <exception cref="InvalidOperationException">No row is valid.</exception>
    public static InsightRows Read(
        IHost host,
        InfomorphicNetwork network,
        FeatureEncoding encoding,
        IDataView data,
        string labelColumn,
        string featureColumn,
        string? weightColumn,
        CancellationToken cancellationToken
    )
    {
        DataViewSchema.Column label = Find(
            host,
            nameof(data),
            data.Schema,
            labelColumn,
            "label",
            "the context of an explanation is the label"
        );
        if (weightColumn is not null)
            Find(host, nameof(data), data.Schema, weightColumn, "weight", "it was asked for");
        bool isBoolean = label.Type is BooleanDataViewType && network.ClassCount == ClassNames.OfBoolean.Count;
        if (!isBoolean && (label.Type is not KeyDataViewType key || key.Count != (ulong)network.ClassCount))
            throw host.ExceptParam(
                nameof(data),
                $"The label column '{labelColumn}' must be a key with the model's {network.ClassCount} classes, and is {label.Type}."
            );
        DataViewSchema.Column features = FindFeatures(
            host,
            nameof(data),
            data.Schema,
            featureColumn,
            encoding.FeatureCount
        );

        using IChannel channel = host.Start("Reading");
        var roles = new RoleMappedData(data, labelColumn, featureColumn, weight: weightColumn);
        roles.CheckOptFloatWeight();
        var rows = new RowStore(encoding.FeatureCount, network.ClassCount, weightColumn is not null);
        var places = new List<long>();
        var skipped = new SkippedRows(roles);

        // No question here whether the context was cancelled: that of a finished trial is, and its model is still good.
        using var cursor = new LabeledRowCursor(
            roles,
            network.ClassCount,
            encoding.Substitutes is null ? MissingValues.Skip : MissingValues.Indicate,
            cancellationToken.ThrowIfCancellationRequested
        );
        while (cursor.MoveNext(skipped))
        {
            RowValues row = cursor.Values;
            rows.TryAdd(in row);
            places.Add(cursor.Position);
        }

        skipped.Report(channel, "explanation");
        if (rows.RowCount == 0)
            throw host.Except(
                $"There is no row to explain the model on in the columns '{featureColumn}' and '{labelColumn}': {skipped.WhyNoneIsLeft()}."
            );
        return new InsightRows(
            rows.ToRows(),
            [.. places],
            ClassNames.Of(label) ?? [.. Enumerable.Range(0, network.ClassCount).Select(ClassNames.Text)],
            SlotNames(features)
        );
    }

    /// <summary>The names of the slots of a column; null where they have none.</summary>
    /// <param name="features">The column.</param>
    public static string[]? SlotNames(DataViewSchema.Column features)
    {
        if (!features.HasSlotNames())
            return null;
        VBuffer<ReadOnlyMemory<char>> names = default;
        features.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    /// <summary>
    /// Refuses labels whose keys stand for other classes than in training, as those of a mapping that was fitted anew do.
    /// </summary>
    /// <param name="environment">Marks the exception.</param>
    /// <param name="data">The data; a missing label column is left to <see cref="Read"/>.</param>
    /// <param name="labelColumn">The name of the label column.</param>
    /// <param name="scores">The model's score column, which has the labels of the training data.</param>
    /// <exception cref="ArgumentOutOfRangeException">They do.</exception>
    public static void CheckClasses(
        IHostEnvironment environment,
        IDataView data,
        string labelColumn,
        DataViewSchema.Column scores
    )
    {
        if (data.Schema.GetColumnOrNull(labelColumn) is DataViewSchema.Column label)
            ClassNames.ThrowIfOther(
                environment,
                nameof(data),
                label,
                ClassNames.Of(label),
                ClassNames.Of(scores, AnnotationUtils.Kinds.TrainingLabelValues),
                "in the data that the model was trained on"
            );
    }

    /// <summary>Finds the feature column.</summary>
    /// <param name="exceptions">Marks the exception.</param>
    /// <param name="parameter">The name of the parameter that has the column.</param>
    /// <param name="schema">The schema.</param>
    /// <param name="name">The name of the column.</param>
    /// <param name="featureCount">Number of features that the network was trained on.</param>
    /// <exception cref="ArgumentOutOfRangeException">The column is missing or does not fit the network.</exception>
    public static DataViewSchema.Column FindFeatures(
        IExceptionContext exceptions,
        string parameter,
        DataViewSchema schema,
        string name,
        int featureCount
    )
    {
        DataViewSchema.Column features = Find(exceptions, parameter, schema, name, "feature", "the network reads it");
        if (
            features.Type is not VectorDataViewType vector
            || vector.ItemType != NumberDataViewType.Single
            || vector.Size != featureCount
        )
            throw exceptions.ExceptParam(
                parameter,
                $"The feature column '{name}' must be a vector of the {featureCount} features that the model was trained on, and is {features.Type}."
            );
        return features;
    }

    private static DataViewSchema.Column Find(
        IExceptionContext exceptions,
        string parameter,
        DataViewSchema schema,
        string name,
        string role,
        string reason
    ) =>
        schema.GetColumnOrNull(name)
        ?? throw exceptions.ExceptParam(
            parameter,
            $"The data has no {role} column '{name}', and {reason}: add the column or name another one."
        );
}
